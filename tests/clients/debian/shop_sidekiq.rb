# A shop whose jobs Sidekiq runs: pushes some of every kind, and is what its worker requires.
#
#   ruby shop_sidekiq.rb push QUEUE     two jobs, one due in a second, one much later; REDIS_URL names the server
#   ruby shop_sidekiq.rb fail QUEUE     a job that will fail
require 'sidekiq'

class Hold
  include Sidekiq::Worker

  def perform
    sleep 60
  end
end

class Fail
  include Sidekiq::Worker

  def perform
    raise 'as it was asked to'
  end
end

if ARGV[0] == 'push'
  2.times { Hold.set(queue: ARGV[1]).perform_async }
  [1, 1000].each { |seconds| Hold.set(queue: ARGV[1]).perform_in(seconds) }
elsif ARGV[0] == 'fail'
  Fail.set(queue: ARGV[1]).perform_async
end
